"""``POST /v1/pool/{operator}``: the handler, and the plan that it makes from a request head."""
