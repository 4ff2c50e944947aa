"""Stand-ins for Pulumi's plugins, for the sandbox alone: the Python language host and two resource providers.

docs/plugins.md is their contract: what they do as the official ones do, and what they leave out.
"""
