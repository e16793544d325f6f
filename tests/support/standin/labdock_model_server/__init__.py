"""Stands in for the model server where no TensorFlow is: its answers are in the model's files."""
