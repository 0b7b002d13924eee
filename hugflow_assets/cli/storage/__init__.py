"""The commands about what lies on the storage: is it as it landed, and the way back from the trash."""
