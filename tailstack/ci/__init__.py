"""What the workflows of .github do beside calling tailstack: `python -m tailstack.ci.NAME`, on a person's machine too."""
