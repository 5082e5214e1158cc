"""The two faces of the inventory: `seat` for this installation, `theatre` for partners."""
