from hugflow_assets_tests.landing.conftest import house, hub

__all__ = ["house", "hub"]
