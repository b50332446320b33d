"""Real processes, killed, stopped, cut off and delayed; then everything is counted at the provider's far end."""
