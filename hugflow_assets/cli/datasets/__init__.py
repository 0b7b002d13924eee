"""The commands about datasets: land them, and decide how they go on."""
