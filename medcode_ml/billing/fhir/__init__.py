"""FHIR R4 export: claims and the answers to them as `Claim` and `ExplanationOfBenefit`, NDJSON files of resources."""
