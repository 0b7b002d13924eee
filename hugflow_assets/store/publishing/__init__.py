"""How a dataset becomes visible: staging, the swap, and the intents that complete it."""
