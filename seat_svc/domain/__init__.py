"""Shows, layouts, seats, holds and sales: values and pure rules. Time is an argument."""
