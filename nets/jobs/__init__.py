"""One command per rule or make target."""

from nets.machine.environment import settle

settle()
