"""What a person does with the router: fit it, teach it, look at it, measure it, bring its encoder."""
