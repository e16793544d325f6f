"""The images that people, jobs and models start from: locked, built, admitted and copied."""
