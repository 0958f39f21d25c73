"""The pieces of a training step against formulas written down once more, and the transformer's conditions."""

from __future__ import annotations

import pytest
import torch
from diffusers import LTX2Pipeline

from ltxbuild.model.draws import Draw, draw_batch, given_tokens
from ltxbuild.model.flow import Reference, Size, masked_loss, noised, pack, target, unpack, velocity
from ltxbuild.model.members import Member
from tests.model.parts import CHANNELS, LENGTH, WIDTH, make_transformer

SIZE = Size(3, 2, 4)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def member(
    seed: int, repeats: float = 1, windows: int = 1, shape: tuple[int, int, int] = (3, 2, 2)
) -> Member:
    latents = tuple(random(CHANNELS, *shape, seed=100 * seed + w) for w in range(windows))
    text = random(LENGTH, WIDTH, seed=seed)
    return Member(f"k{seed}", latents, text, text + 1, repeats, 24.0)


def test_packing_is_the_stock_pipelines_and_reversible() -> None:
    latents = random(2, CHANNELS, 3, 2, 4)
    assert torch.equal(pack(latents), LTX2Pipeline._pack_latents(latents))
    assert torch.equal(unpack(pack(latents), SIZE), latents)


def test_flow_goes_straight_from_data_to_noise() -> None:
    x0, e = random(2, 5, 3), random(2, 5, 3, seed=1)
    s = torch.tensor([0.25, 0.75])[:, None, None]
    assert torch.allclose(noised(x0, e, s) + target(x0, e) * (1 - s), e, atol=1e-6)
    assert torch.allclose(noised(x0, e, s) - target(x0, e) * s, x0, atol=1e-6)


def test_masked_loss_is_a_mean_over_what_is_not_given() -> None:
    a, b = random(2, 4, 3), random(2, 4, 3, seed=1)
    mask = torch.tensor([[0.0, 0, 1, 1], [1, 1, 1, 1]])
    loss = masked_loss(a, b, mask)
    assert loss[0] == pytest.approx(float(((a - b)[0, 2:] ** 2).mean()))
    assert loss[1] == pytest.approx(float(((a - b)[1] ** 2).mean()))


def test_given_tokens_have_timestep_zero_and_sigma_stays() -> None:
    transformer, seen = make_transformer(), {}
    x, text = random(2, SIZE.tokens, CHANNELS), random(2, LENGTH, WIDTH)

    def spy(module: object, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        seen.update(kwargs)

    handle = transformer.register_forward_pre_hook(spy, with_kwargs=True)
    given = given_tokens(torch.tensor([[True] + [False] * (SIZE.frames - 1), [False] * SIZE.frames]), SIZE)
    velocity(transformer, x, torch.tensor([0.5, 0.25]), text, SIZE, 24.0, given)
    handle.remove()
    frame = SIZE.height * SIZE.width
    assert (seen["timestep"][0, :frame] == 0).all() and (seen["timestep"][0, frame:] == 500).all()
    assert (seen["timestep"][1] == 250).all() and seen["timestep"].dtype == torch.float32
    assert seen["sigma"].tolist() == [500, 250]


def test_a_mask_of_nothing_given_changes_nothing() -> None:
    transformer = make_transformer()
    x, text, sigma = random(2, SIZE.tokens, CHANNELS), random(2, LENGTH, WIDTH), torch.tensor([0.5, 0.25])
    plain = velocity(transformer, x, sigma, text, SIZE, 24.0)
    masked = velocity(transformer, x, sigma, text, SIZE, 24.0, torch.zeros(2, SIZE.tokens))
    assert torch.allclose(plain, masked, atol=1e-6)


def test_audio_has_no_influence() -> None:
    one, other = make_transformer(), make_transformer()
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            if "audio" in name or "av_cross" in name:
                parameter.normal_()
    x, text, sigma = random(1, SIZE.tokens, CHANNELS), random(1, LENGTH, WIDTH), torch.tensor([0.5])
    same = [velocity(t, x, sigma, text, SIZE, 24.0) for t in (one, other)]
    assert torch.equal(*same)


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    members = [member(i) for i in range(5)]
    draw = Draw(7, 4, 0.5, 0.2, None)
    one, again = draw_batch(draw, 12, members), draw_batch(draw, 12, members)
    assert one.members == again.members and torch.equal(one.noise, again.noise)
    assert not torch.equal(one.noise, draw_batch(draw, 13, members).noise)
    assert not torch.equal(one.noise, draw_batch(Draw(8, 4, 0.5, 0.2, None), 12, members).noise)


def test_clips_count_by_repeats_and_only_equal_shapes_meet() -> None:
    members = [member(0, repeats=3), member(1), member(2, shape=(1, 2, 2), windows=3)]
    draw = Draw(0, 2, 0.0, 0.0, None)
    batches = [draw_batch(draw, step, members) for step in range(3000)]
    firsts = [batch.members[0] for batch in batches]
    assert [firsts.count(i) / 3000 for i in range(3)] == pytest.approx([0.6, 0.2, 0.2], abs=0.03)
    assert all(members[a].shape == members[b].shape for a, b in (batch.members for batch in batches))
    assert {w for batch in batches for m, w in zip(batch.members, batch.windows, strict=True) if m == 2} == {
        0,
        1,
        2,
    }


def test_in_a_batch_of_any_bucket_each_clip_is_seen_as_often_as_its_repeats_say() -> None:
    repeats, shapes = (1.5, 0.5, 1, 0.5, 0.5), ((3, 2, 2), (3, 2, 3), (1, 2, 2), (3, 2, 2), (3, 2, 3))
    members = [member(i, r, shape=s) for i, (r, s) in enumerate(zip(repeats, shapes, strict=True))]
    seen = [i for step in range(2000) for i in draw_batch(Draw(1, 8, 0.2, 0.0, None), step, members).members]
    assert len(seen) == 16000
    assert [seen.count(i) / 16000 for i in range(5)] == pytest.approx([r / 4 for r in repeats], abs=0.025)


def test_shares_of_prior_and_first_frames() -> None:
    batches = [draw_batch(Draw(0, 4, 0.3, 0.15, None), step, [member(0)]) for step in range(2000)]
    assert sum(b.prior for b in batches) / 2000 == pytest.approx(0.15, abs=0.03)
    given = torch.cat([b.given for b in batches])
    assert float(given[:, 0].float().mean()) == pytest.approx(0.3, abs=0.02) and not given[:, 1:].any()
    stills = [draw_batch(Draw(0, 4, 1.0, 0, None), s, [member(0, shape=(1, 2, 2))]) for s in range(20)]
    assert not any(bool(b.given.any()) for b in stills)


def test_conditions_are_drawn_each_by_itself_and_leave_something_to_learn() -> None:
    members = [member(0, shape=(6, 2, 2)), member(1, shape=(2, 2, 2))]
    draw = Draw(0, 1, 0.5, 0, None, last_frame=0.5, prefix=0.25, suffix=0.25, context=2)
    batches = [draw_batch(draw, step, members) for step in range(4000)]
    long = [tuple(b.given[0].tolist()) for b in batches if b.members[0] == 0]
    share = {kept: long.count(kept) / len(long) for kept in set(long)}
    y, n = True, False
    assert share[(n, n, n, n, n, n)] == pytest.approx(0.5 * 0.5 * 0.75 * 0.75, abs=0.03)
    assert share[(y, n, n, n, n, y)] == pytest.approx(0.5 * 0.5 * 0.75 * 0.75, abs=0.03)
    assert share[(y, y, n, n, y, y)] == pytest.approx(0.25 * 0.25, abs=0.02)
    short = [b.given[0] for b in batches if b.members[0] == 1]
    assert not any(bool(mask.all()) for mask in short), "both frames of a short clip are never given"
    assert any(bool(mask.any()) for mask in short)


def test_a_condition_that_is_not_used_moves_no_draw() -> None:
    plain, more = Draw(3, 2, 0.3, 0.2, None), Draw(3, 2, 0.3, 0.2, None, last_frame=0.5, caption_dropout=0.5)
    for step in range(30):
        one, other = (draw_batch(draw, step, [member(0)]) for draw in (plain, more))
        assert torch.equal(one.sigmas, other.sigmas) and torch.equal(one.noise, other.noise)
        assert torch.equal(one.given[:, :1], other.given[:, :1])


def test_parts_of_a_step_are_different_draws() -> None:
    draw, members = Draw(3, 2, 0.3, 0.2, None), [member(0), member(1)]
    parts = [draw_batch(draw, 5, members, part) for part in range(3)]
    assert torch.equal(parts[0].noise, draw_batch(draw, 5, members).noise)
    assert not torch.equal(parts[0].noise, parts[1].noise)
    assert not torch.equal(parts[1].sigmas, parts[2].sigmas)


def test_captions_are_left_out_by_their_share() -> None:
    draw = Draw(0, 4, 0, 0, None, caption_dropout=0.1)
    left_out = torch.cat([draw_batch(draw, step, [member(0)]).uncaptioned for step in range(2000)])
    assert float(left_out.float().mean()) == pytest.approx(0.1, abs=0.01)


def test_a_reference_is_seen_clean_at_its_own_place_and_not_returned() -> None:
    transformer, seen = make_transformer(), {}
    half = Size(SIZE.frames, SIZE.height // 2, SIZE.width // 2)
    x, text = random(1, SIZE.tokens, CHANNELS), random(1, LENGTH, WIDTH)
    handle = transformer.register_forward_pre_hook(
        lambda _, __, kwargs: seen.update(kwargs), with_kwargs=True
    )
    sigma = torch.tensor([0.5])
    reference = Reference(random(1, half.tokens, CHANNELS, seed=5), half, 2)
    out = velocity(transformer, x, sigma, text, SIZE, 24.0, reference=reference)
    handle.remove()
    assert out.shape == x.shape
    assert seen["timestep"][0].tolist() == [500.0] * SIZE.tokens + [0.0] * half.tokens
    coords = seen["video_coords"]
    own, beside = coords[:, :, : SIZE.tokens], coords[:, :, SIZE.tokens :]
    assert beside[0, 1].max() == own[0, 1].max() and beside[0, 2].max() == own[0, 2].max(), "the same area"
    assert torch.equal(beside[0, 0].unique(), own[0, 0].unique()), "at the same times"
    other = velocity(
        transformer, x, sigma, text, SIZE, 24.0, reference=Reference(reference.tokens + 1, half, 2)
    )
    assert not torch.allclose(out, other, atol=1e-3)
