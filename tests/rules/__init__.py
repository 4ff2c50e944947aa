"""Tests of the rules; the assertions of the cases say what they compared, as those of a test module do."""

import pytest

pytest.register_assert_rewrite("tests.rules.cases")
