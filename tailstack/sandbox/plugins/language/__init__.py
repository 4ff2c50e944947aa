"""The stand-in for `pulumi-language-python`: runs Python programs and policy packs for the engine."""
