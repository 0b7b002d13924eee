"""What people see of the assets: cards, descriptions, pictures."""
