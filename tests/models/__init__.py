"""Small worlds in which every order of events is tried: why the protocol is as it is, and what each guard is for."""
