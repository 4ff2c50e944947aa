"""The demo: a whole tailnet comes up, is shown, is changed behind the stack, is put right, and goes down again."""
