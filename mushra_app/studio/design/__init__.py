"""The tab "Design": the experiment file as a form and as text, and what can be said of it before anybody listens."""
