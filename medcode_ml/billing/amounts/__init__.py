"""The amount model: mean charges and payments of a hospital for an MS-DRG, with 90% intervals, in US dollars."""
