"""The simulated hospital network: deliveries used for development when no hospital is configured. Synthetic."""
