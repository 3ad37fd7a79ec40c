"""The commands of the console script, one module each. They need click, from the ``cli`` extra."""
