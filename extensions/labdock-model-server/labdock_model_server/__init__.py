"""A model server that speaks TensorFlow Serving's protocol, in the job's own environment."""

__version__ = "0.1.0"
