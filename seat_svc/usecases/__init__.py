"""What the inventory does, one function each; its faces translate to these and back."""
