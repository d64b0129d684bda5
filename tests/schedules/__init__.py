"""Two to four requests and collectors at once, in every order that matters, on the code that serves."""
