"""The commands of the console script, a file each. They stand on click, which the ``cli`` extra brings."""
