"""The commands of `medcode`, a module for each family."""
