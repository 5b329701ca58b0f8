"""The Dockerfile and the files of deploy/, read by validators and played as far as no container is needed."""
