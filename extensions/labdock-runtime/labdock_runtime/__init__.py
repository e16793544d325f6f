"""What runs inside a job: it makes an ordinary notebook or script distributed and observable."""

from labdock_runtime.failures import end_of_notebook

__all__ = ["__version__", "end_of_notebook"]
__version__ = "0.1.0"
