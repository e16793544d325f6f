"""TensorBoards: one a project, started when somebody looks and ended when nobody does."""
