"""How to speak to one outside service. No Django here: read, tested and reused without the rest."""
