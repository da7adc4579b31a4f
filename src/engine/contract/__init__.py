"""What client and engine share: settings, kinds of job, specifications, messages. Light to import."""
