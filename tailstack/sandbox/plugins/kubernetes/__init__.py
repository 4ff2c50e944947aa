"""The stand-in for pulumi-kubernetes, for the sandbox alone: `python -m tailstack.sandbox.plugins.kubernetes`.

docs/plugins.md says what it does as the official plugin does, and what it leaves out. What is said here of the official
plugin was read in its sources, `provider/pkg` of https://github.com/pulumi/pulumi-kubernetes.
"""
