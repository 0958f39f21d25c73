"""`python -m ltxbuild`."""

from ltxbuild.cli import main

raise SystemExit(main())
