"""What an analysis shows: computed tables, the figure drawn from them, the words that state them."""
