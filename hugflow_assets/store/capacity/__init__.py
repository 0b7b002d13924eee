"""What fits: the quota, the room that landings reserve, and free space."""
