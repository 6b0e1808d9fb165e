"""One file a subject: each route asks the store or a service one thing and says it in the API's own shapes."""
