"""`python -m exporter` is the command `submission-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())
