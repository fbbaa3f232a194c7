"""What a person should look at: doubtful regions, and answers to them."""
