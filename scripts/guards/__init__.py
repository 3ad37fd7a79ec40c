"""The guards of the service: what each protects, how it is taken away, and the test that must fail then."""
