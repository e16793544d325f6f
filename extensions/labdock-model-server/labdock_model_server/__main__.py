"""`python -m labdock_model_server`."""

import sys

from labdock_model_server.main import main

sys.exit(main())
