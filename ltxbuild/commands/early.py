"""What is delivered while a build goes on: previews, for they are of use only as long as one can still stop."""

from __future__ import annotations

from ltxbuild.commands.session import Session
from ltxbuild.engine.deliver import Delivery
from ltxbuild.engine.events import Reporter
from ltxbuild.recipe.glimpses import FOLDER


class Early:
    """A reporter that hands everything on, and puts each preview into the build folder as it is made."""

    def __init__(self, reporter: Reporter, session: Session) -> None:
        self._reporter, self._session = reporter, session
        items = session.graph.deliverables
        self._early = {item.ref.action: item for item in items if item.path.startswith(f"{FOLDER}/")}
        self.started, self.foresee, self.progress = reporter.started, reporter.foresee, reporter.progress
        self.action_started, self.failed, self.blocked = (
            reporter.action_started,
            reporter.failed,
            reporter.blocked,
        )
        self.note, self.close = reporter.note, reporter.close

    def finished(self, action: str, state: str, seconds: float) -> None:
        """An action is done: a preview that was just made is delivered, and it is said where it is."""
        self._reporter.finished(action, state, seconds)
        item = self._early.get(action)
        if item is None or state != "ran":
            return
        space, folder = self._session.space, self._session.build_folder
        record = space.state.records[space.state.walked(action) or ""]
        if Delivery.into(space, folder, self.note).copy(item.path, record.outputs[item.ref.output]):
            self.note(f"a preview: {(folder / item.path).relative_to(space.root)}")
