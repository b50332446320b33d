"""Real servers and real processes for the tests: started by the tests, on free loopback ports, stopped for certain."""
