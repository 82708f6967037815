import react from '@vitejs/plugin-react';

// Grafana's packages expect a few globals of its own build, and re-export names that only its core has.
export default {
  plugins: [react()],
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window' },
  build: {
    minify: false,
    chunkSizeWarningLimit: 1e6,
    rollupOptions: { shimMissingExports: true, onwarn() {} },
  },
};
