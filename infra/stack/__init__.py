"""The CDK stack, as small constructs named for what they are."""
