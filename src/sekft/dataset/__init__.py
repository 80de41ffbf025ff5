"""From rollouts to what trainers read."""
