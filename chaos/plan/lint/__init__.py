"""What a plan gets wrong before it runs: findings, and the arithmetic behind them."""
