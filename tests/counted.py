"""A figure that a test records under this name is printed after all tests."""

SUMMARY = "summary"
