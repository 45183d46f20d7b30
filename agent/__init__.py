"""The Parley voice agent."""

import os

# ONNX Runtime's Linux wheels report to Microsoft unless told not to before they are imported.
# Nothing leaves here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
