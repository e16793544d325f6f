"""Who runs where and when: pure functions over plain data."""
