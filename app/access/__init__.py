"""Who may: roles and permissions in one table, the actor's scope, and the tokens that name an actor."""
