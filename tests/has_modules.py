"""Exit 0 when the modules of requirements.txt are installed. Only looks for them: importing takes a second."""
import importlib.util
import sys

sys.exit(any(importlib.util.find_spec(name) is None for name in ("catboost", "schemathesis", "openapi_python_client")))
